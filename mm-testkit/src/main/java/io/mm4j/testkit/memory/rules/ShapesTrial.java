// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Subject;
import io.mm4j.testkit.Trial;
import java.util.List;

/** Operations on machines of some shapes. */
abstract class ShapesTrial<S extends Subject> implements Trial<S> {
  /** The machines. */
  final List<MemoryLayout> layouts;

  private final List<MachineShape> shapes;
  private final List<Operation<S>> operations;

  ShapesTrial(List<MachineShape> shapes, List<Operation<S>> operations) {
    this.shapes = shapes;
    this.operations = operations;
    this.layouts = shapes.stream().map(MachineShape::layout).toList();
  }

  @Override
  public final List<Operation<S>> operations() {
    return operations;
  }

  @Override
  public final String setup() {
    return String.join("; ", shapes.stream().map(MachineShape::text).toList());
  }

  @Override
  public final int validateEvery() {
    return 16;
  }
}
