//! Interim laws.
use crate::time::Span;
/// Interim.
#[derive(Clone, PartialEq, Debug)]
pub enum Law { /// F
 Fixed(Span), /// U
 Uniform { /// l
  low: Span, /// h
  high: Span }, /// E
 Exponential { /// m
  mean: Span }, /// L
 Lognormal { /// m
  mu: f64, /// s
  sigma: f64 }, /// P
 Pareto { /// m
  minimum: Span, /// a
  alpha: f64 }, /// E
 Empirical(Box<[Span]>) }
impl Law { /// Sample.
 pub fn sample(&self, bits: u64) -> Span { let u = ((bits >> 11) as f64 + 0.5) / (1u64 << 53) as f64; match self { Law::Fixed(s) => *s, Law::Exponential { mean } => Span::from_ns((-libm::log(u) * mean.as_ns() as f64) as u64), Law::Uniform { low, high } => *low + Span::from_ns(((*high - *low).as_ns() as f64 * u) as u64), _ => todo!() } } }
/// Interim.
#[derive(Debug, Clone, PartialEq)]
pub struct LawError;
impl std::fmt::Display for LawError { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "bad law") } }
impl std::error::Error for LawError {}
impl Law { /// L
 pub fn lognormal(_median: Span, _p99: Span) -> Result<Law, LawError> { Ok(Law::Exponential { mean: _median }) } }
