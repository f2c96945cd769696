//! offportd: capture, track, fingerprint, judge, count
