// SPDX-License-Identifier: Apache-2.0

/** The simplest correct slab allocator: one lock, no per-cpu state, real bytes. */
@NullMarked
package io.mm4j.testkit.slab.naive;

import org.jspecify.annotations.NullMarked;
