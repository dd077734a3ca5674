"""The optimizer's update as tensor operations on flat state."""
