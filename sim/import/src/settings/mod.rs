//! Configuration: the worlds.

mod command;
mod gunicorn;
mod manifests;
mod nginx;
mod python;
mod uwsgi;
mod world;

pub use command::{commands_of, world_of_command};
pub use gunicorn::{apply_conf, gunicorn_conf};
pub use manifests::manifests;
pub use nginx::{NginxSays, nginx_conf};
pub use python::{PythonModule, PythonValue, evaluate};
pub use uwsgi::{uwsgi_ini, uwsgi_options};
pub use world::{ServingWorld, WorldKey};
