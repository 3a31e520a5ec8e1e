"""Further methods, which are not in the suite `medical`, in one file each; the suite `medical-zoo` compares them."""
