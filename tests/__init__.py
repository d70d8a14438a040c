"""One file for each module, and the tests of the whole."""
