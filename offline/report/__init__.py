"""The sheet that shows a cohort: statistics of its signals, how hard its gestures are to tell apart, and figures."""
