"""``python -m hsigan``, and what ``torchrun -m hsigan`` starts."""

from hsigan.cli import main

if __name__ == "__main__":
    main()
