WHERE = "into the image"
