"""Data of one's own: folders of images and labels, and photos alone to predict on."""
