// SPDX-License-Identifier: Apache-2.0

/** Rules for VMA indexes: seeded operations beside a naive model, and what must hold after each. */
@NullMarked
package io.mm4j.testkit.vma.rules;

import org.jspecify.annotations.NullMarked;
