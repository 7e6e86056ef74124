"""Pictures: stitching, overlays, heat maps, export, GeoJSON, and the style of all figures."""
