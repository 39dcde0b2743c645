// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

/** Finds a {@link ProcessFloor}; looked up by {@code ServiceLoader}. */
public interface ProcessFloorProvider {
  /** The provider's name, unique among process floors, in lower case. */
  String name();

  /** Creates a floor that has no process yet. Cheap. */
  ProcessFloor create();
}
