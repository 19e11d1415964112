"""Files on disk: found whatever their spelling, read and written whole, refused with a reason."""
