"""What people declare in ``conf/``: loading, checking, and the frozen objects that the program works with."""
