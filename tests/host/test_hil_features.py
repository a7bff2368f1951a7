"""The suite in tests/hil covers every feature that the firmware declares."""

import hil_features


def test_every_feature_of_the_firmware_has_a_test_on_a_board():
    features, tests = hil_features.declared(), hil_features.proved()
    assert len(features) == len(set(features)) > 100
    assert sorted(set(features) - set(tests)) == [], "nothing in tests/hil proves these"
    assert sorted(set(tests) - set(features)) == [], "the firmware declares none of these"
