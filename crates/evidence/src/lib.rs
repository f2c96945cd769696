//! packet store and flow records: writer, reader, retention
