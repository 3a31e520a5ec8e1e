"""Further methods that are not in the suite `medical`, one file each; the suite `medical-zoo` compares them."""
