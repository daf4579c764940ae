"""What notebook 05 needs: patients with a silent fault, what is measured on them, a check before.

=============  ====================================================================================
listing        code as text: what stops it, and at which line
steps          one training step that is sound, and five that are not
faults         the name of every fault, and a sentence on what to do about it
cases          a training run with one fault, or its healthy twin; who is who; repairs
charts         what is seen of a case while it trains
symptoms       the number of a chart that tells a fault from health
preflight      the check before the first epoch
rehearsal      copies of a run, trained for a few updates
watching       a network and an optimiser, looked at while somebody's step trains them
chance         every source of chance, held and set back; what chance alone gets right
figures        the pictures
=============  ====================================================================================
"""
