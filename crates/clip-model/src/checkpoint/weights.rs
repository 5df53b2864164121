//! The weights of a checkpoint in memory, from which a model takes one after the other.

use std::collections::BTreeMap;

use super::tensors::Role;
use crate::error::{Error, Result};
use crate::quantised::{PackedMatrix, WeightFormat};

/// All tensors by name. A vector is a matrix of one row in single precision.
#[derive(Debug, Default, Clone)]
pub struct Weights {
    names: Vec<String>,
    tensors: Vec<PackedMatrix>,
    roles: Vec<Role>,
    index: BTreeMap<String, usize>,
}

impl Weights {
    pub(super) fn push(&mut self, name: String, tensor: PackedMatrix, role: Role) -> usize {
        let index = self.tensors.len();
        self.names.push(name.clone());
        self.index.insert(name, index);
        self.tensors.push(tensor);
        self.roles.push(role);
        index
    }

    pub(super) fn name(&self, index: usize) -> &str {
        self.names.get(index).map_or("", String::as_str)
    }

    pub(super) fn tensor(&self, index: usize) -> Option<&PackedMatrix> {
        self.tensors.get(index)
    }

    pub(super) fn tensor_mut(&mut self, index: usize) -> Option<&mut PackedMatrix> {
        self.tensors.get_mut(index)
    }

    /// All tensors, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &PackedMatrix)> {
        self.index
            .iter()
            .filter_map(|(name, index)| Some((name.as_str(), self.tensors.get(*index)?)))
    }

    /// A tensor.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&PackedMatrix> {
        self.tensors.get(*self.index.get(name)?)
    }

    /// A tensor, which is then no longer here.
    ///
    /// # Errors
    /// [`Error::TensorMissing`].
    pub fn take(&mut self, name: &str) -> Result<PackedMatrix> {
        let missing = || Error::TensorMissing {
            tensor: name.to_owned(),
            expected: Vec::new(),
        };
        let index = self.index.remove(name).ok_or_else(missing)?;
        let tensor = self.tensors.get_mut(index).ok_or_else(missing)?;
        Ok(std::mem::replace(
            tensor,
            PackedMatrix::zeros(WeightFormat::F32, [0, 0]),
        ))
    }

    /// A vector of single-precision values, which is then no longer here.
    ///
    /// # Errors
    /// [`Error::TensorMissing`].
    pub fn take_values(&mut self, name: &str) -> Result<Vec<f32>> {
        Ok(self.take(name)?.to_f32())
    }

    /// The tensors of some roles, of those that are still here.
    fn with_role(&self, is_wanted: impl Fn(&Role) -> bool) -> impl Iterator<Item = &PackedMatrix> {
        self.index
            .values()
            .filter(move |index| self.roles.get(**index).is_some_and(&is_wanted))
            .filter_map(|index| self.tensors.get(*index))
    }

    /// Number of values.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.iter().map(|(_, tensor)| tensor.len()).sum()
    }

    /// Number of values of tensors that are no matrices: biases, norms, positions.
    #[must_use]
    pub fn small_values(&self) -> usize {
        let matrices = self.with_role(|role| role.packable().is_some());
        self.parameters() - matrices.map(PackedMatrix::len).sum::<usize>()
    }

    /// Bytes in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.iter().map(|(_, tensor)| tensor.bytes()).sum()
    }

    /// The format of most values that are multiplied by. Those of the token embedding don't count, of which a label needs a few rows.
    #[must_use]
    pub fn main_format(&self) -> WeightFormat {
        let mut counts = BTreeMap::<WeightFormat, usize>::new();
        for tensor in self.with_role(|role| matches!(role, Role::Matrix(_))) {
            *counts.entry(tensor.format()).or_default() += tensor.len();
        }
        WeightFormat::of_most(&counts)
    }

    /// The same weights with all matrices in another format; biases, norms and positions stay as they are.
    ///
    /// # Errors
    /// [`Error::TensorRange`].
    pub fn convert(&mut self, format: impl Fn(&str) -> WeightFormat) -> Result<()> {
        for (name, index) in &self.index {
            if let Some(tensor) = self.tensors.get_mut(*index)
                && self.roles.get(*index).is_some_and(|role| role.packable().is_some())
                && tensor.format() != format(name).for_columns(tensor.shape()[1])
            {
                *tensor = tensor.convert(name, format(name))?;
            }
        }
        Ok(())
    }
}
