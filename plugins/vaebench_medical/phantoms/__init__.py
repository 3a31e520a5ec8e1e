"""Phantoms, images drawn by the package with known ground truth: five modalities, and the populations of patients.

Every pixel is computed with + - × ÷ √ in float32, which IEEE 754 rounds identically everywhere, so that phantoms are
bit-identical, and records have the same data digest, on every machine. (`np.exp`, BLAS and `scipy.ndimage` differ
between processors in the last bit; cosines are only computed for a few parameters per image, in float64, and then
rounded.)
"""
