"""The large option of the capstone: breed, head and outline of cats and dogs. See README.md in this folder."""
