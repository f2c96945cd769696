//! where packets come from: AF_XDP and capture files
