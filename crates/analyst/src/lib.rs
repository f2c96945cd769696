//! offport: reads captures, explains verdicts
