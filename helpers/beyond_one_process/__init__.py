"""What notebook 06 needs: one training run, shared among processes, and kept on disk.

==================  ================================================================
`networks`          the two networks that are trained
`settings`          the options of the command `helpers.run`; loads no PyTorch
`training_run`      a run from its settings to its result: what the command does
`parallel`          the loop over batches that several processes share
`launch`            starts processes from a notebook, and brings back what they found
`copies`            the processes themselves: copies of one that has loaded PyTorch
`checkpoint`        a run as one file, whole at every moment
`figures`           the notebook's pictures
`answers`           what the notebook asks, and what to say to wrong answers
==================  ================================================================
"""
