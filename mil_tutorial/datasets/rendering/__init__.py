"""Draws the rendered lymph-node slides with numpy and scipy; one concept a file.

========================  ==========================================================
``noise``                   random streams with names, and smooth random fields
``architecture``            outline, capsule, fat, sinuses, follicles, vessels, strands
``nuclei``                  shapes of nuclei and how they add up to optical density
``population``              which normal cells lie where
``lesion``                  tumour: how much, where, in which nests, with which cells
``ground``                  what lies between the nuclei: collagen, cytoplasm, blood, fat
``stain``                   stains and scanners of the hospitals, from density to RGB
``artefacts``               folds, blur, pen and dust, on both classes alike
``slide``                   puts the above together
``cohort``                  patients, splits and the specification of each slide
``flaws``                   hospitals with a hidden flaw, to audit
``tiles``                   where tissue is, what its tiles show, how much of them is tumour
``archive``                 files with the features of all tiles of many slides
``folder``                  folders of slides: pictures, masks, table, features, checksums
========================  ==========================================================
"""
