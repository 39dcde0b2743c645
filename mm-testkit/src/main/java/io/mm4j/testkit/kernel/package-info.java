// SPDX-License-Identifier: Apache-2.0

/** What the kit has for the kernel's own mappings: the suite. */
@NullMarked
package io.mm4j.testkit.kernel;

import org.jspecify.annotations.NullMarked;
