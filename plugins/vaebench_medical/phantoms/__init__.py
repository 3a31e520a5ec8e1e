"""Images drawn by the package itself, with known truth: five modalities, and the populations they stand for.

Every pixel is made with + - × ÷ √ in float32, which IEEE 754 rounds alike everywhere, so that a phantom has the same
bits, and a record the same data digest, on every machine. (`np.exp`, BLAS and `scipy.ndimage` differ between processors
in the last bit; cosines are taken of a few parameters per image only, in float64, and then rounded.)
"""
