// SPDX-License-Identifier: Apache-2.0

/** The rules of the kernel's own mappings. */
@NullMarked
package io.mm4j.testkit.kernel.rules;

import org.jspecify.annotations.NullMarked;
