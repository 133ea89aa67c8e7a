"""dp: a typed differentiable programming language."""
