//! The command line as it is read.

use clap::CommandFactory as _;

use super::*;

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

fn adapt(line: &str) -> AdaptArgs {
    let line = format!("clip-ttl adapt cat.png --labels cat,dog {line}");
    match Cli::try_parse_from(line.split_whitespace()).unwrap().command {
        Command::Adapt(arguments) => arguments,
        other => panic!("{other:?}"),
    }
}

fn adaptation(line: &str) -> AdaptationArgs {
    adapt(line).adaptation
}

#[test]
fn without_flags_the_options_are_the_methods_own() {
    for method in clip_adapt::methods::all() {
        let setup = adaptation(&format!("--method {}", method.name)).setup().unwrap();
        let options = setup.options();
        for option in &method.options {
            assert_eq!(
                options.get(option.name),
                Some(&option.default),
                "{} of {}",
                option.name,
                method.name
            );
        }
    }
}

#[test]
fn every_flag_reaches_its_option() {
    let line = "--steps 2 --lr 0.5 --views 3 --crop-scale 0.1,0.9 --rank 4 --alpha 5 --layers 6 --targets q,k,v,out --margin -0.7 \
                --weight-decay 0.8 --seed 9 --chunk-views 10 --set epsilon=0.001";
    let options = adaptation(line).setup().unwrap().options();
    let expected = serde_json::json!({
        "steps": 2, "learning_rate": 0.5, "views": 3, "crop_scale": [0.1, 0.9], "rank": 4, "alpha": 5.0, "layers": 6,
        "targets": ["q_proj", "k_proj", "v_proj", "out_proj"], "margin": -0.7, "weight_decay": 0.8, "seed": 9, "chunk_views": 10,
        "epsilon": 0.001
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(options.get(name), Some(value), "{name}");
    }
}

#[test]
fn a_flag_without_a_value_leaves_what_follows_alone() {
    for (line, is_on, is_json) in [
        ("--normalisation-mix --json", true, true),
        ("--normalisation-mix", true, false),
        ("--normalisation-mix false --json", false, true),
    ] {
        let arguments = adapt(&format!("--method oftta {line}"));
        let options = arguments.adaptation.setup().unwrap().options();
        assert_eq!(options["normalisation_mix"], is_on, "{line}");
        assert_eq!(arguments.output.json, is_json, "{line}");
    }
}

#[test]
fn a_command_has_no_flag_that_does_nothing() {
    let parse = |line: &str| Cli::try_parse_from(line.split_whitespace());
    assert!(parse("clip-ttl fidelity pictures --labels cat,dog --model clip").is_ok());
    let error = parse("clip-ttl fidelity pictures --labels cat,dog --model clip --dtype q8").unwrap_err();
    assert_eq!(error.kind(), clap::error::ErrorKind::UnknownArgument);
}

#[test]
fn a_number_that_can_lead_nowhere_is_refused() {
    for line in [
        "clip-ttl stats pictures -o statistics.safetensors --limit 1",
        "clip-ttl bench --labels 1",
        "clip-ttl fidelity pictures --labels cat,dog --limit 0",
    ] {
        let error = Cli::try_parse_from(line.split_whitespace()).unwrap_err();
        assert_eq!(error.kind(), clap::error::ErrorKind::ValueValidation, "{line}");
    }
}

#[test]
fn an_option_has_one_flag_whichever_methods_have_it() {
    let help = |command: &str| {
        let mut cli = Cli::command();
        let command = cli.find_subcommand_mut(command).unwrap();
        command.render_long_help().to_string()
    };
    let adapt = help("adapt");
    for method in clip_adapt::methods::all() {
        for option in method.options {
            assert!(
                adapt.contains(&flag_of(option.name)),
                "{} of {}",
                option.name,
                method.name
            );
        }
    }
    let eval = help("eval");
    assert!(eval.contains("--views") && !eval.contains("--learning-rate"), "{eval}");
}

#[test]
fn values_that_are_none_are_refused() {
    for line in [
        "--steps many",
        "--rank -1",
        "--targets q,x",
        "--crop-scale 0.5",
        "--crop-scale 0.1,0.2,0.3",
        "--crop-scale a,1",
        "--set rank",
    ] {
        let error = adaptation(line).setup().unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}: {error}");
    }
    let error = adaptation("--method zero --rank 4").setup().unwrap_err();
    assert_eq!(error.code(), "option-unknown");
    assert!(error.to_string().contains("--rank"), "{error}");
}
