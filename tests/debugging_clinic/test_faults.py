"""Every fault has a sentence that says what is wrong and what to do about it."""

from helpers.debugging_clinic import cases, faults


def test_every_fault_has_a_sentence_that_says_what_is_wrong_and_then_the_cure():
    for fault, sentence in faults.SENTENCES.items():
        assert sentence.count(";") >= 1 and not sentence.endswith("."), fault
    assert set(cases.FAULTS) < set(faults.SENTENCES)
    assert faults.HEALTHY not in faults.SENTENCES
