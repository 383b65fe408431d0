"""The parts of the window; each draws one piece of the view model."""
