"""Published weights that can be had where no hub can be reached."""
