// SPDX-License-Identifier: Apache-2.0

/** The kernel's addresses as text, drawing and JSON. */
@NullMarked
package io.mm4j.cli.layout;

import org.jspecify.annotations.NullMarked;
