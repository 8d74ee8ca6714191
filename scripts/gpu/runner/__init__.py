"""What `run` does on a GPU machine: Python 3 and coreutils, nothing else.

child        a process that ends by its deadline
setting      what must be there before anything runs, and goes again afterwards
machine      what this machine is
libtest      what a Rust test binary says
suites       test binaries, in pieces beside each other
summary      all of it on a page
"""
