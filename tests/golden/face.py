from make import OldFace
FACE = OldFace()
