//! Tests of what programs for asyncio become, and of what is refused.
