//! What servers in the field have and those of a laboratory do not: limits of the CPU, and older releases.

mod cpu_limit;
mod versions;
