"""The shared kernel: layout, gestures, pipeline, decoder, bundle. Pure: no threads, sockets, files of others, or Qt."""
