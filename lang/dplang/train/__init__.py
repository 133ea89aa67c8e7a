"""What the Io of training needs: progress and reports."""
