"""Phantoms: synthetic images with known ground truth. Each modality is a module; `population` draws whole datasets.

Every pixel is computed with + - × ÷ √ in float32, which IEEE 754 rounds identically everywhere, so that phantoms are
bit-identical, and records have the same data digest, on every machine. (`np.exp`, BLAS and `scipy.ndimage` differ
between processors in the last bit. Cosines are computed only for a few parameters per image, in float64, and then
rounded to float32.)
"""
