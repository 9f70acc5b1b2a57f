//! The walk: from the one input through the nodes that matter to the outputs.

use super::{
    affine::{Affine, Budget},
    arithmetic,
    error::OnnxError,
    node::{self, Node},
    schema::{GraphProto, ModelProto, TensorProto, ValueInfoProto},
    shape, tail,
    tensor::Tensor,
    value::{Decision, Value},
};
use crate::{
    float::{FloatLayer, FloatModel, MAX_WIDTH},
    import::shorten,
};
use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

/// Most nodes of a graph: those that can be read have about ten.
const MAX_NODES: usize = 10_000;
/// From here on, constants broadcast as in numpy.
const FIRST_OPSET: i64 = 7;

/// Values by name, and the constants that have not been asked for yet.
struct Scope<'a> {
    values: HashMap<&'a str, Value>,
    initializers: HashMap<&'a str, &'a TensorProto>,
}

/// Reads the whole graph.
pub(super) fn read(model: &ModelProto) -> Result<FloatModel, OnnxError> {
    let graph = model.graph.as_ref().ok_or_else(|| OnnxError::NotOnnx { got: "no graph".to_owned() })?;
    let standard = model.opset_import.iter().filter(|opset| matches!(opset.domain.as_str(), "" | "ai.onnx"));
    if let Some(old) = standard.map(|opset| opset.version).find(|&version| version < FIRST_OPSET) {
        return Err(wrong(format!("opset {FIRST_OPSET} or later"), old));
    }
    if graph.node.len() > MAX_NODES {
        return Err(wrong(format!("at most {MAX_NODES} nodes"), graph.node.len()));
    }
    let mut budget = Budget::new();
    let mut scope = Scope::new(graph)?;
    let live = live_nodes(graph);
    for (index, proto) in graph.node.iter().enumerate().filter(|(index, _)| live[*index]) {
        let place = || node::name(proto, index);
        let inputs: Result<Vec<_>, _> = proto.input.iter().map(|name| scope.get(name, &place)).collect();
        let outputs = evaluate(&Node::new(proto, index, inputs?), &mut budget)?;
        for (name, value) in proto.output.iter().zip(outputs) {
            if scope.values.insert(name, value).is_some() {
                return Err(wrong(
                    "every value to be computed once".to_owned(),
                    format!("{:?} twice", shorten(name)),
                ));
            }
        }
    }
    let decision = decide(graph, &mut scope)?;
    let mut layers = decision.logits.layers(&mut budget)?;
    if let Some(last) = layers.last_mut() {
        split_single_logit(last);
    }
    Ok(FloatModel::new(layers, decision.labels.map(|labels| labels.to_vec()))?)
}

fn evaluate(node: &Node<'_>, budget: &mut Budget) -> Result<Vec<Value>, OnnxError> {
    let one = |value: Result<Value, OnnxError>| Ok(vec![value?]);
    match node.operator().as_str() {
        "Gemm" => one(arithmetic::gemm(node, budget)),
        "MatMul" => one(arithmetic::mat_mul(node, budget)),
        "Add" | "Sub" | "Mul" | "Div" => one(arithmetic::elementwise(node, budget)),
        "Relu" => one(arithmetic::relu(node, budget)),
        "Scaler" => one(arithmetic::scaler(node, budget)),
        "Constant" => one(shape::constant(node)),
        "Flatten" => one(shape::flatten(node, budget)),
        "Reshape" => one(shape::reshape(node, budget)),
        "Squeeze" => one(shape::squeeze(node, budget)),
        "Unsqueeze" => one(shape::unsqueeze(node)),
        "Transpose" => one(shape::transpose(node, budget)),
        "Shape" => one(shape::shape(node)),
        "Gather" => one(shape::gather(node)),
        "Concat" => one(shape::concat(node)),
        "Cast" => one(shape::cast(node)),
        "Identity" | "Dropout" => Ok(vec![node.input(0)?.clone()]),
        "LinearClassifier" => tail::linear_classifier(node, budget),
        "Softmax" | "LogSoftmax" => one(tail::softmax(node)),
        "Sigmoid" => one(tail::sigmoid(node)),
        "Normalizer" => one(tail::normalizer(node)),
        "ArgMax" => one(tail::arg_max(node)),
        "ArrayFeatureExtractor" => one(tail::array_feature_extractor(node)),
        "ZipMap" => one(tail::zip_map(node)),
        _ => Err(node.unsupported()),
    }
}

impl<'a> Scope<'a> {
    fn new(graph: &'a GraphProto) -> Result<Self, OnnxError> {
        let mut initializers = HashMap::new();
        for tensor in &graph.initializer {
            if initializers.insert(tensor.name.as_str(), tensor).is_some() {
                let got = format!("{:?} twice", shorten(&tensor.name));
                return Err(wrong("different names of initializers".to_owned(), got));
            }
        }
        // Old files list the weights among the inputs, too.
        let inputs: Vec<_> =
            graph.input.iter().filter(|input| !initializers.contains_key(input.name.as_str())).collect();
        let [input] = inputs[..] else {
            let (expected, got) = ("one input with all features".to_owned(), inputs.len().to_string());
            return Err(OnnxError::Input { expected, got });
        };
        let features = Value::Numbers(Rc::new(features(input)?));
        Ok(Self { values: HashMap::from([(input.name.as_str(), features)]), initializers })
    }

    /// A value that has been computed already, or a constant; `None` for the empty name of an omitted input.
    fn get(&mut self, name: &'a str, node: &dyn Fn() -> String) -> Result<Option<Value>, OnnxError> {
        if name.is_empty() {
            return Ok(None);
        }
        if let Some(value) = self.values.get(name) {
            return Ok(Some(value.clone()));
        }
        let Some(proto) = self.initializers.get(name) else {
            let expected = format!("the inputs of {:?} to be computed before it", node());
            return Err(wrong(expected, format!("no value {:?}", shorten(name))));
        };
        let value = Value::Constant(Rc::new(Tensor::decode(proto)?));
        self.values.insert(name, value.clone());
        Ok(Some(value))
    }
}

/// The features, from the shape of the input: the first dimension is the batch.
fn features(input: &ValueInfoProto) -> Result<Affine, OnnxError> {
    let shape = input.r#type.as_ref().and_then(|t| t.tensor_type.as_ref()).and_then(|t| t.shape.as_ref());
    let dims: Vec<i64> =
        shape.map_or(Vec::new(), |shape| shape.dim.iter().map(|dim| dim.dim_value).collect());
    let sizes: Option<Vec<usize>> =
        dims.iter().skip(1).map(|&size| usize::try_from(size).ok().filter(|&size| size > 0)).collect();
    sizes.filter(|sizes| !sizes.is_empty()).and_then(Affine::features).ok_or_else(|| OnnxError::Input {
        expected: format!("a tensor (batch, features) of known size, at most {MAX_WIDTH} features"),
        got: format!("{:?} of shape {:?} (0: unknown)", shorten(&input.name), &dims[..dims.len().min(10)]),
    })
}

/// Which nodes the outputs depend on: what nobody reads is not our business.
fn live_nodes(graph: &GraphProto) -> Vec<bool> {
    let mut needed: HashSet<&str> = graph.output.iter().map(|output| output.name.as_str()).collect();
    let mut live = vec![false; graph.node.len()];
    for (live, node) in live.iter_mut().zip(&graph.node).rev() {
        *live = node.output.iter().any(|name| needed.contains(name.as_str()));
        if *live {
            needed.extend(node.input.iter().map(String::as_str));
        }
    }
    live
}

/// The one prediction that all outputs agree on.
fn decide<'a>(graph: &'a GraphProto, scope: &mut Scope<'a>) -> Result<Decision, OnnxError> {
    let mut decided: Option<Decision> = None;
    for output in &graph.output {
        let wrong = |expected: &str, got: String| OnnxError::Output {
            output: shorten(&output.name),
            expected: expected.to_owned(),
            got,
        };
        let value = scope.get(&output.name, &|| "the output".to_owned())?;
        let value = value.ok_or_else(|| wrong("a name", "none".to_owned()))?;
        let Some(decision) = decision(&value).map_err(|expected| wrong(expected, value.describe()))? else {
            continue;
        };
        let Some(before) = &mut decided else {
            decided = Some(decision);
            continue;
        };
        if !Rc::ptr_eq(&before.logits, &decision.logits) {
            return Err(wrong("all outputs to follow from the same logits", "other logits".to_owned()));
        }
        match (&before.labels, &decision.labels) {
            (Some(a), Some(b)) if a != b => {
                return Err(wrong("the same class labels in all outputs", "other labels".to_owned()));
            }
            (None, Some(_)) => before.labels = decision.labels,
            _ => {}
        }
    }
    decided.ok_or_else(|| wrong("an output that tells the prediction".to_owned(), "none"))
}

/// The prediction that an output tells: none if it is a by-product. Errors say what is expected instead.
fn decision(value: &Value) -> Result<Option<Decision>, &'static str> {
    match value {
        Value::Scores(decision) | Value::Index(decision) | Value::Label(decision) => {
            Ok(Some(decision.clone()))
        }
        Value::Positive(logit) => Ok(Some(Decision::new(logit))),
        Value::Numbers(logits) if logits.width() >= 2 && logits.dims.len() == 1 => {
            Ok(Some(Decision::new(logits)))
        }
        Value::Numbers(logits) if logits.width() == 1 => {
            Err("two or more logits, or a Sigmoid after a single one, which says that it wins above 0")
        }
        Value::Aside => Ok(None),
        Value::Numbers(_) | Value::Negative(_) | Value::Constant(_) => Err("logits, scores or a prediction"),
    }
}

/// Class 0 gets the logit 0 if there is only that of class 1.
fn split_single_logit(layer: &mut FloatLayer) {
    if layer.outputs == 1 {
        layer.outputs = 2;
        layer.weights = layer.weights.iter().flat_map(|&w| [0.0, w]).collect();
        layer.biases = layer.biases.iter().flat_map(|&b| [0.0, b]).collect();
    }
}

fn wrong(expected: String, got: impl ToString) -> OnnxError {
    OnnxError::Graph { expected, got: got.to_string() }
}
