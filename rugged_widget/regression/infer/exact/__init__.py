"""The exact posterior of the lesson's model, by quadrature over sigma."""
