"""Labelled images: readers of published formats, augmentation, batches."""
