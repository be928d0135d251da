"""What is declared, worked out: windows, the sources that are read, the code that a version keeps."""
