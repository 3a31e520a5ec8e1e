"""Methods that people use beside those of the suite `medical`, one file each; `medical-zoo` compares them."""
