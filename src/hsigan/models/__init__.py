"""Networks: tensors in, tensors out. No files, no optimisers, no bytes."""
