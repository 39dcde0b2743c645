// SPDX-License-Identifier: Apache-2.0

/** Rules for VMA indexes: a naive model, seeded operations, and what must hold after each. */
@NullMarked
package io.mm4j.testkit.vma;

import org.jspecify.annotations.NullMarked;
