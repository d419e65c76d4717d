"""From images to the artifact: recipes, torch networks, quantisation, export."""
