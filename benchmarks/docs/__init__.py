"""What the pages of this repository show is made by running it: `make docs` makes it again.

A block of output in a page stands behind a comment that names its command:

    <!-- shown: make experiments -->
    ```text
    …
    ```

`shown.py` finds such blocks, runs their commands and compares; `scene.py` is what takes more than one program to show;
`path.py` is the course through the code, and whether what it names exists.
"""
