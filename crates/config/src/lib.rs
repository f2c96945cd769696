//! offport.toml to typed configuration, errors with line, key and remedy
